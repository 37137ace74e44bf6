"""The quarter: an audit and all that is made of it for people, in one dated folder. The flow is `stage.py`."""
