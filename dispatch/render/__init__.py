"""What people and programs are shown: pure functions from values to text, HTML, CSV and calendars."""
