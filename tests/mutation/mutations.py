"""What scripts/mutate tries: how the defences of cryptography and trust in docs/THREATS.md are taken away.

By how a row of the table begins: its mutations, each one change or several at once. All tests of the row
must go red under one or another of them. Rows about terminals, files, memory and the like have none.
"""

from __future__ import annotations

from typing import TypeAlias

from tests.mutation.operators import Change, replaced, returning, uncalled, unguarded

Mutation: TypeAlias = tuple[Change, ...]

ANSWERS, CONTINUITY = "dispatch.checks.answers", "dispatch.checks.continuity"
MENTIONS, OUTSIDE = "dispatch.checks.mentions", "dispatch.checks.outside"
VERIFIER, OPENING = "dispatch.checks.verifier", "dispatch.checks.opening"
ENVELOPE, NOTE, MERKLE = "dispatch.formats.envelope", "dispatch.formats.note", "dispatch.formats.merkle"
PLAINTEXT = "dispatch.formats.plaintext"
INBOX, EDITOR = "dispatch.office.inbox:Inbox", "dispatch.realm.roster:RosterEditor"
SIGNED, SSHSIG, SIGNING, TRUST = "keys.signed", "keys.sshsig", "keys.signing", "keys.trust"
SOUNDNESS, STANDING = "keys.soundness", "dispatch.checks.soundness"
AGE, CODEC = "keys.age", "keys.codec"

PROOF = unguarded(f"{MERKLE}:verify_inclusion", "does not lead to the signed root")
CONTENT = unguarded(f"{OPENING}:open_envelope", "the text is not the one that was signed")
BODY = unguarded(f"{VERIFIER}:verify_copy", "the body is not the one that was signed")
DECIMAL = unguarded(f"{CODEC}:decode_decimal", "not a plain decimal number")
NOTE_FORM = unguarded(f"{NOTE}:parse_note", "not in its canonical form")
TWICE = unguarded(f"{SIGNED}:verify_signed", "two signatures by the same key")
UNLISTED = unguarded(f"{SIGNED}:verify_signed", "a signature by a key that does not count here")
PADDING = unguarded(f"{PLAINTEXT}:parse_secrets", "the padding is not what the length demands")
BAD_CHUNK = returning(f"{AGE}.stream:_explain_bad_chunk", "(size, None)")

MUTATIONS: dict[str, tuple[Mutation, ...]] = {
    "An addressee seals the text again": ((PROOF,),),
    "An addressee signs somebody else's text": (
        (unguarded(f"{OPENING}:check_said", "another number or date than its note"),),
    ),
    "A copy put under another note": ((PROOF,),),
    "One office gets another text": ((CONTENT,),),
    "A ciphertext that opens to two texts": (
        (CONTENT,),
        (unguarded(f"{AGE}:_open_header", "the header of the age file was altered"),),
    ),
    "Partitioning oracles": ((unguarded(f"{AGE}.wrapping:check_body", "a malformed age stanza"),),),
    "Post-quantum downgrade by a mixed header": (
        (unguarded(f"{AGE}:_check_policy", "not sealed to exactly one recipient"),),
    ),
    "Downgrade by taking one half": (
        (uncalled(f"{SIGNING}:VerifyKey.verify_raw", "_verify_mldsa"),),
        (uncalled(f"{SIGNING}:VerifyKey.verify_raw", "_verify_ed25519"),),
    ),
    "A file sealed to nobody": (
        (unguarded(f"{AGE}:_make_header", "no recipient to seal to"),),
        (unguarded(f"{AGE}:_make_header", "a classical recipient beside hybrid ones"),),
    ),
    "An addressee left out": (
        (unguarded(f"{OPENING}:copies_of", "the copies are not exactly those"),),
        (unguarded(f"{OPENING}:open_envelope", "the copies are not exactly those"),),
    ),
    "Two copies for one office": ((returning(f"{OUTSIDE}:is_in_order", "True"),),),
    "Another body behind a good signature": ((BODY,),),
    "A proof from another tree": (
        (PROOF,),
        (unguarded(f"{MERKLE}:verify_inclusion", "the proof has the wrong length"),),
    ),
    "The last leaf counted twice": (
        (
            replaced(
                f"{MERKLE}:Tree.__init__",
                "parents.append(level[-1])",
                "parents.append(node_hash(level[-1], level[-1]))",
            ),
        ),
    ),
    "An inner node passed off as a leaf": ((replaced(f"{MERKLE}:node_hash", r"b'\x01'", r"b'\x00'"),),),
    "Lenient parsing": (
        (replaced(f"{ENVELOPE}:parse_envelope", "age.decode_armor_canonical", "age.decode_armor"),),
        (unguarded(f"{ENVELOPE}:parse_copy", "not in their canonical form"), DECIMAL),
        (NOTE_FORM, DECIMAL),
        (NOTE_FORM, uncalled(f"{NOTE}:parse_note", "end")),
    ),
    "Lenient armor": (
        (unguarded(f"{AGE}.armor:_decode_lines", "not of 64 columns"),),
        (unguarded("keys.opensshkey:decode_armor", "not wrapped at 70 columns"),),
    ),
    "Base64 with loose bits": (
        (unguarded(f"{CODEC}:decode_base64", "not canonical base64"),),
        (DECIMAL,),
    ),
    "Points of low order": (
        (returning(f"{AGE}.wrapping:is_low_order", "False"),),
        (unguarded(f"{SIGNING}:_check_point", "a weak or non-canonical Ed25519 public key"),),
        (uncalled(f"{AGE}.hybrid:HybridRecipient.check", "_load"),),
    ),
    "A member of JSON that stands twice": (
        (unguarded("keys.canonical:decode_canonical", "JSON that is not canonical"),),
    ),
    "A bit flipped": (
        (BODY,),
        (returning(f"{SIGNING}:_verify_ed25519", "None"),),
        (BODY, replaced(f"{AGE}.armor:decode_armor_canonical", "text.endswith(_FOOT)", "True")),
        (BAD_CHUNK,),
        (
            BAD_CHUNK,
            unguarded("dispatch.store.attachments:save_attachment", "is not the one that was signed"),
        ),
    ),
    "An envelope cut down to a bare note": (
        (unguarded(f"{SIGNED}:parse_signed", "more after the signatures"),),
    ),
    "A signature made for another purpose": (
        (
            unguarded(f"{SIGNED}:verify_signed", "a signature made for another purpose"),
            unguarded(f"{SSHSIG}:verify_parsed", "a signature made for another purpose"),
            replaced(
                f"{SSHSIG}:verify_parsed",
                "_signed_data(namespace, signature.hash_algorithm, message_digest)",
                "_signed_data(signature.namespace, signature.hash_algorithm, message_digest)",
            ),
        ),
        (
            replaced(
                f"{SSHSIG}:_signed_data",
                "put_string(_check_namespace(namespace).encode('ascii'))",
                "b''",
            ),
        ),
    ),
    "One key counted twice": (
        (TWICE,),
        (TWICE, unguarded("keys.roster.signers:check_signers", "of the root keys of version")),
    ),
    "A signature more, by a stranger": (
        (
            replaced(
                f"{SIGNED}:verify_signed",
                "signed.parsed",
                "tuple(one for one in signed.parsed if one.verify_key in listed)",
            ),
        ),
    ),
    "A flood of signatures": ((unguarded(f"{SIGNED}:SignedText.__post_init__", "signatures"),),),
    "A verifier that says yes": (
        (unguarded(f"{TRUST}:trust_pinned", "UnpinnedRootError"),),
        (unguarded(f"{SIGNED}:verify_signed", "signatures where at least"),),
    ),
    "Keys of an attacker under a known name": (
        (
            unguarded(f"{SSHSIG}:verify_parsed", "a signature made by another key"),
            replaced(f"{SSHSIG}:verify_parsed", "verify_key.verify_raw", "signature.verify_key.verify_raw"),
        ),
        (
            UNLISTED,
            replaced(f"{SIGNED}:verify_signed", "listed[signature.verify_key]", "signature.verify_key"),
            replaced(
                f"{SOUNDNESS}:count_signatures",
                "[entry for entry in map(office.signing_entry, set(signers)) if entry is not None]",
                "[entry or office.signing_entries[0] for entry in map(office.signing_entry, set(signers))]",
            ),
        ),
    ),
    "An old roster put back": ((unguarded(f"{TRUST}:trust_update", "_refuse_older"),),),
    "Two rosters of one version": (
        (unguarded(f"{TRUST}:_check_digest", "ForkError"),),
        (uncalled(f"{TRUST}:_accept", "check_extends"),),
        (returning("keys.roster.extends:_may_become", "old.since == new.since"),),
    ),
    "A roster jumps ahead": (
        (replaced(f"{TRUST}:_accept", "check_signers(signers, trusted.roster)", "None"),),
        (
            uncalled(f"{TRUST}:_accept", "check_signers"),
            replaced(
                f"{TRUST}:_verify",
                "verify_signed(one.signed, NAMESPACE, listed, 1)",
                "(signature.verify_key for signature in one.signed.parsed)",
            ),
        ),
    ),
    "An office is kept on an old roster": (
        (unguarded(f"{TRUST}:check_current", "of the roster expired on"),),
    ),
    "A note backdated with a key that has ended": (
        (unguarded(f"{SOUNDNESS}:check_first_arrival", "came too long after"),),
        (unguarded(f"{STANDING}:check_stands", "nothing here proves"),),
    ),
    "A note under a key that was compromised": (
        (unguarded(f"{SOUNDNESS}:count_signatures", "a key that was compromised at its date"),),
    ),
    "A note that names a roster version": (
        (returning("keys.roster.model:Office.in_force", "self.since <= version"),),
        (returning("keys.roster.model:Office.in_force", "True"),),
        (
            replaced(
                f"{TRUST}:judge_note",
                "office.signing_keys(version)",
                "tuple(parse_signing(entry.value) for entry in office.signing_entries)",
            ),
        ),
    ),
    "A dispatch of another realm": (
        (unguarded(f"{TRUST}:judge_note", "a note of the realm"),),
        (unguarded(f"{TRUST}:trust_update", "a roster of"),),
    ),
    "A key that was given up comes back": (
        (unguarded("keys.card:verify_card", "no signing key that is in force"),),
        (
            unguarded("keys.roster.edit:_check_no_return", "the card names a key that has ended"),
            uncalled("keys.roster.rules:check_roster", "_check_keys_once"),
        ),
    ),
    "A new card by the thief": (
        (returning("keys.roster.model:Office.is_marked", "False"),),
        (replaced("keys.roster.edit:revoke_key", "_without_card(office, draft.version)", "office"),),
    ),
    "Somebody else's key claimed": ((unguarded("keys.card:_check_possession", "has not signed it"),),),
    "A dispatch withheld": (
        (PROOF,),
        (replaced(f"{INBOX}._compared", "None if is_here else after", "None"),),
    ),
    "Two dispatches under one number": (
        (unguarded("dispatch.store.register:Register.has", "EquivocationError"),),
    ),
    "A second dispatch under the number of one": (
        (unguarded(f"{INBOX}._contradiction", "another dispatch, which was rejected"),),
    ),
    "Dates that go backwards": ((unguarded(f"{CONTINUITY}:contradictions", "_backwards"),),),
    "A register rewritten": (
        (unguarded(f"{CONTINUITY}:contradictions", "_replaced"),),
        (unguarded(f"{CONTINUITY}:_later_heads", "_replaced"),),
    ),
    "A register that forgets": ((returning(f"{CONTINUITY}:passes_over", "False"),),),
    "A thief's note with a number far ahead": (
        (returning(f"{INBOX}._stands", "True"),),
        (unguarded(f"{INBOX}._contradiction", "return text"),),
    ),
    "A note dated in the future": (
        (returning(f"{CONTINUITY}:is_ahead", "False"),),
        (unguarded(f"{TRUST}:judge_note", "the note is dated after the expiry"),),
    ),
    "A branch issues a circular": (
        (unguarded(f"{OPENING}:check_right", "has no right to"),),
        (replaced(f"{OPENING}:check_right", "note.roster.version", "roster.version"),),
    ),
    "Look-alike handles": ((unguarded("keys.text:parse_handle", "not a handle"),),),
    "The size of a text": (
        (PADDING,),
        (replaced(f"{PLAINTEXT}:encode_secrets", "'0' * (padded_size(bare) - bare)", "''"),),
    ),
    "Padding or secrets that carry": (
        (PADDING,),
        (unguarded(f"{OPENING}:open_envelope", "the secrets are not those of this message"),),
    ),
    "An older roster, or one of a root given up": (
        (
            replaced(
                "dispatch.realm.trusted:trust_roster",
                "trust_update(load_trusted(home), chain)",
                "trust_pinned(chain, chain[-1].roster.root_fingerprint(chain[-1].roster.version))",
            ),
        ),
    ),
    "An answer that does not fit": ((returning(f"{ANSWERS}:check_fits", "None"),),),
    "An office cancels or amends another's circular": (
        (unguarded(f"{ANSWERS}:_check_relations", "another dispatch"),),
        (unguarded(f"{ANSWERS}:_check_relations", "which is not its own"),),
        (unguarded(f"{ANSWERS}:_check_decision", "which is not its own"),),
    ),
    "A note that says in public another answer": (
        (unguarded(f"{ANSWERS}:check_fits", "are not those of its message"),),
    ),
    "A receipt for a dispatch of ours that there is not": (
        (
            uncalled(f"{INBOX}._disagreements", "refuse_answered"),
            unguarded(f"{ANSWERS}:_look_up", "than the one we have"),
        ),
    ),
    "A message names a number": (
        (
            returning(f"{MENTIONS}:disagreements", "()"),
            unguarded(f"{ANSWERS}:_look_up", "than the one we have"),
        ),
    ),
    "An office declares": ((returning(f"{CONTINUITY}:_voids", "iter(())"),),),
    "A dispatch delayed until": ((returning(f"{INBOX}._arrival", "self._context.now"),),),
    "A thief of a key": (
        (uncalled("dispatch.audit.verdicts:_verify", "check_stands"),),
        (replaced(f"{SOUNDNESS}:Counted.forgeable_from", "len(self.standings) - self.threshold", "0"),),
    ),
    "What a stolen key signed": (
        (uncalled("dispatch.office.opened:OpenedRegister._open_standing", "check_stands"),),
        (returning("dispatch.office.opened:OpenedRegister.left_out", "()"),),
    ),
    "A leaving officer": (
        (unguarded(f"{SOUNDNESS}:count_signatures", "dated more than"),),
        (
            returning(
                f"{INBOX}._arrival",
                "self._register.waiting.first_seen(sha256(data).digest()) or self._context.now",
            ),
        ),
    ),
    "Somebody alters the roster's pending": (
        (unguarded(f"{EDITOR}.sign", "the edits change the root"),),
        (returning("dispatch.render.roster:describe_changes", "()"),),
    ),
    "A roster signed with a clock": (
        (replaced(f"{EDITOR}._sign", "max(self._now, self.trusted.roster.date)", "self._now"),),
    ),
    "A key file that others can read": (
        (unguarded("keys.keyfile:_read_private", "others than its owner can read"),),
    ),
    "A key file that asks for all": (
        (
            replaced(
                f"{AGE}.scrypt:_parse_scrypt",
                "decode_decimal(stanza.args[1], MAX_WORK_FACTOR)",
                "len(stanza.args[1])",
            ),
        ),
    ),
    "Secrets in what an object shows": (
        (returning("keys.keyfile:SecretKeys.__repr__", "encode_secret_keys(self).decode()"),),
        (returning(f"{SIGNING}:SigningKey.__repr__", "repr(self.seed)"),),
        (replaced(f"{AGE}.recipients:_decode_key", "f'the key is {error}'", "f'{text} is {error}'"),),
    ),
    "A text and a note that agree": (
        (
            uncalled("dispatch.checks.published:verify_content", "check_said"),
            uncalled("dispatch.checks.published:verify_content", "copies_of"),
        ),
        (uncalled("dispatch.checks.published:verify_content", "check_right"),),
    ),
    "A signed list of a register with a hole": (
        (unguarded("dispatch.office.publication:state_volume", "is not signed yet, and later ones are"),),
    ),
}
