"""What a stranger with only the signed roster can check: no home, no key, nothing decrypted."""

from dispatch.audit.verify import Verdict, verify_file, verify_files

__all__ = ["Verdict", "verify_file", "verify_files"]
