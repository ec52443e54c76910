"""Reports: the three lists and the month, as answers and as files for a spreadsheet."""
