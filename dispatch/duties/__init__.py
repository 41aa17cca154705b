"""Who owes what, what came of it, and one table of the returns. Pure: no I/O, no clock of its own.

case        a circular and everything that answers it
cases       opened dispatches -> cases
slots       a case, and now -> the expected reports and their state, and rates
occasions   for what an obligation asks reports, and when they are due
events      the events that offices count themselves
standings   what each office replied to a circular as a whole
returns     cases -> the returns for one obligation, for `collation`
collation   returns -> one table with its figures
as_json     slots and standings as JSON
"""
