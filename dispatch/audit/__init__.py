"""What a stranger with only the signed roster can check: no home, no key, nothing decrypted.

verify      files one by one
run         a whole archive: pile -> collect -> the rest -> result
pile        what files there are, under names that are the same wherever they lie
collect     files -> what is known of each note; twelve bytes for a copy
registers, contradictions, chains, receipts, circulars, duties
            what is known of the notes -> what follows, and findings
bundle      the archive, what it was checked with, and the findings, for whoever checks it again
"""

from dispatch.audit.verdicts import FileVerdict, verify_file, verify_files

__all__ = ["FileVerdict", "verify_file", "verify_files"]
