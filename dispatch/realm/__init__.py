"""Who belongs to a realm: how an office begins, the roster's editor, and the roster that a home trusts."""
