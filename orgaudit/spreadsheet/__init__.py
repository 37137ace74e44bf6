"""What every workbook shares, the reports' and the register's."""
