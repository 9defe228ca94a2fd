"""The trade: values in, values out. No database, no web, no clock; `now` and `today` are arguments."""
