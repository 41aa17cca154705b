"""What a stranger with only the signed roster can prove: no home, no key, nothing decrypted.

verify      one file after another: does it hold?
run         a whole pile: collect -> registers, receipts, duties -> report
collect     files -> what is known of each note; eight bytes for a copy
registers   what contradicts what in the registers, and what is missing
receipts    who receipted what; what stands on a compromised key
duties      completeness and punctuality, through blinded slots
bundle      all of it in one archive, for a third person in ten years
"""

from dispatch.audit.verify import Verdict, find_files, verify_file, verify_files

__all__ = ["Verdict", "find_files", "verify_file", "verify_files"]
