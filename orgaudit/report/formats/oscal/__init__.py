"""OSCAL documents (https://pages.nist.gov/OSCAL/): what assessment results and plans of action have in common."""
