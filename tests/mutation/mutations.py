"""How each defence in the table of docs/THREATS.md is taken away: what scripts/mutate tries.

By how the row begins: its mutations, each one or several edits, `(file, old, new)`, in which the old text
stands once in its file. All tests of the row must go red under one or another of them.
"""

from __future__ import annotations

from typing import TypeAlias

Edit: TypeAlias = tuple[str, str, str]
Mutation: TypeAlias = tuple[Edit, ...]

ENVELOPE, INBOX, REGISTER = (
    "dispatch/formats/envelope.py",
    "dispatch/office/inbox.py",
    "dispatch/store/register.py",
)
DATABASE, WAITING = "dispatch/store/database.py", "dispatch/store/waiting.py"
ATTACHMENT, FILES, KEEPER = (
    "dispatch/store/attachments.py",
    "dispatch/system/files.py",
    "dispatch/realm/roster.py",
)
SIGNED, SSHSIG, TRUST = "keys/signed.py", "keys/sshsig.py", "keys/trust.py"
TERMINAL, COMMON, MAIN = "dispatch/render/terminal.py", "dispatch/cli/common.py", "dispatch/cli/main.py"
ANSWERS, FOLDERS = "dispatch/checks/answers.py", "dispatch/system/folders.py"
CONTINUITY = "dispatch/checks/continuity.py"
TEXT, KEYFILE, MERKLE = "keys/text.py", "keys/keyfile.py", "dispatch/formats/merkle.py"

PROOF: Edit = (MERKLE, "    if node != expected:", "    if not expected:")
CONTENT: Edit = (ENVELOPE, "if content_digest(line) != note.content:", "if not note.content:")
BODY: Edit = (ENVELOPE, "if sha256(body).digest() != copy.body:", "if not copy.body:")
CANONICAL: Edit = ("keys/canonical.py", "if encode_canonical(value) != data:", "if not data:")
DISTINCT: Edit = (SIGNED, "if len(set(signers)) != len(signers):", "if not signers:")
LISTED: Edit = (SIGNED, "if not listed.keys() >= set(signers):", "if not signers:")
FROM_SIGNATURE: Edit = (
    SIGNED,
    "namespace, listed[signature.verify_key])",
    "namespace, signature.verify_key)",
)
SAME_AGAIN: Edit = (FILES, "status.st_size == len(data) and file.read() == data", "file.read() == b'?'")
PADDING: Edit = (
    "dispatch/formats/plaintext.py",
    'if secrets.padding != "0" * (padded_size(bare) - bare):',
    "if not bare:",
)

MUTATIONS: dict[str, tuple[Mutation, ...]] = {
    "An addressee seals the text again": ((PROOF,),),
    "An addressee signs somebody else's text": (
        (
            (
                ENVELOPE,
                "if said != (str(note.number), format_date(note.date), note.number.handle):",
                "if not said:",
            ),
        ),
    ),
    "A copy put under another note": ((PROOF,),),
    "One office gets another text": ((CONTENT,),),
    "A ciphertext that opens to two texts": (
        (CONTENT,),
        (
            (
                "keys/age/__init__.py",
                "if not compare_digest(header_mac(file_key, header.signed), header.mac):",
                "if not header.mac:",
            ),
        ),
    ),
    "Partitioning oracles": ((("keys/age/wrapping.py", " or len(stanza.body) != _BODY_SIZE", ""),),),
    "Post-quantum downgrade by a mixed header": (
        (
            (
                "keys/age/__init__.py",
                "if only is not None and (len(types) != 1 or types[0] not in only):",
                "if not types:",
            ),
        ),
    ),
    "Downgrade by taking one half": (
        (
            (
                "keys/signing.py",
                "            self._verify_mldsa(signature[len(prefix) : -_ED25519_SIGNATURE], data)",
                "            pass",
            ),
        ),
        (
            (
                "keys/signing.py",
                "        _verify_ed25519(self.blob[-_ED25519_PUBLIC:], signature",
                "        bytes(signature",
            ),
        ),
    ),
    "A file sealed to nobody": (
        (("keys/age/__init__.py", "    if not recipients:", "    if recipients is None:"),),
        (("keys/age/__init__.py", "if HYBRID in kinds and len(kinds) > 1:", "if not kinds:"),),
    ),
    "An addressee left out": (
        ((ENVELOPE, "    if note.copies.count != len(found.copies):", "    if not found:"),),
        (
            (
                ENVELOPE,
                "    if copies_of(message, note, roster).copies[copy.index - 1] != copy.to:",
                "    if not copies_of(message, note, roster):",
            ),
        ),
    ),
    "Another body behind a good signature": ((BODY,),),
    "A proof from another tree": (
        (PROOF,),
        (
            (
                MERKLE,
                "if len(proof) != proof_length(index, size):",
                "if len(proof) < proof_length(index, size):",
            ),
        ),
    ),
    "The last leaf counted twice": (
        ((MERKLE, "parents.append(level[-1])", "parents.append(node_hash(level[-1], level[-1]))"),),
    ),
    "An inner node passed off as a leaf": ((((MERKLE, 'b"\\x01" + left', 'b"\\x00" + left')),),),
    "Lenient parsing": (
        ((ENVELOPE, "age.decode_armor_canonical(body)", "age.decode_armor(body)"),),
        (
            (ENVELOPE, "    if encode_copy(copy) != text:", "    if not text:"),
            ("keys/codec.py", 're.compile(r"0|[1-9][0-9]{0,18}")', 're.compile(r"[0-9]{1,19}")'),
        ),
        (
            ("dispatch/formats/note.py", "    if encode_note(note) != text:", "    if not text:"),
            ("keys/codec.py", 're.compile(r"0|[1-9][0-9]{0,18}")', 're.compile(r"[0-9]{1,19}")'),
        ),
        (
            ("dispatch/formats/note.py", "    if encode_note(note) != text:", "    if not text:"),
            ("dispatch/formats/note.py", "    reader.end()\n", ""),
        ),
    ),
    "Lenient armor": (
        (("keys/age/armor.py", "        len(text) != len(body) + lines\n        or not", "        not"),),
        (
            (
                "keys/opensshkey.py",
                'if breaks.strip(b"\\n") or body.count(b"\\n") != len(breaks) or',
                "if",
            ),
        ),
    ),
    "Base64 with loose bits": (
        (("keys/codec.py", "if binascii.b2a_base64(data, newline=False) != raw:", "if not raw:"),),
        (("keys/codec.py", 're.compile(r"0|[1-9][0-9]{0,18}")', 're.compile(r"[0-9]{1,19}")'),),
    ),
    "Points of low order": (
        (
            (
                "keys/age/wrapping.py",
                "    return share[:-1] + bytes((share[-1] & 0x7F,)) in _LOW_ORDER",
                "    return not share",
            ),
        ),
        (("keys/signing.py", "if y >= _FIELD or y in _SMALL_ORDER:", "if y < 0:"),),
        (("keys/age/hybrid.py", "        _load(self.key)\n", "        pass\n"),),
    ),
    "A member of JSON that stands twice": ((CANONICAL,),),
    "A bit flipped": (
        (BODY,),
        (
            (
                "keys/signing.py",
                "        bindings.crypto_sign_open(signature + data, public)",
                "        pass",
            ),
        ),
        (
            BODY,
            ("keys/age/armor.py", " or not text.endswith(_FOOT) or len(text)", " or len(text)"),
        ),
        (
            (
                "keys/age/stream.py",
                "            return _explain_bad_chunk(cipher, number, chunk, target, size, is_last=is_last)",
                "            return size, None",
            ),
        ),
        (
            (
                "keys/age/stream.py",
                "            return _explain_bad_chunk(cipher, number, chunk, target, size, is_last=is_last)",
                "            return size, None",
            ),
            (ATTACHMENT, "if encode_base64(source.digest()) != entry.sealed:", "if not source.digest():"),
            (ATTACHMENT, "(encode_base64(sink.digest()), sink.size) != (", "() == ("),
        ),
    ),
    "An envelope cut down to a bare note": (
        ((SIGNED, '    if rest:\n        raise FormatError("more after the signatures")\n', ""),),
    ),
    "A signature made for another purpose": (
        (
            (SIGNED, "        if signature.namespace != namespace:", "        if not namespace:"),
            (SSHSIG, "    if signature.namespace != namespace:", "    if not namespace:"),
            (
                SSHSIG,
                "data = _signed_data(namespace, signature.hash_algorithm",
                "data = _signed_data(signature.namespace, signature.hash_algorithm",
            ),
        ),
        (
            (
                SSHSIG,
                '+ put_string(_check_namespace(namespace).encode("ascii"))\n        + put_string(b"")',
                '+ put_string(b"")',
            ),
        ),
    ),
    "One key counted twice": (
        (DISTINCT,),
        (DISTINCT, (TRUST, "    if count < threshold:", "    if not count:")),
    ),
    "A signature more, by a stranger": (
        (
            LISTED,
            (
                SIGNED,
                "        for signature in signed.parsed\n    ]",
                "        for signature in signed.parsed\n        if signature.verify_key in listed\n    ]",
            ),
        ),
    ),
    "A flood of signatures": (
        (
            (
                SIGNED,
                "        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:",
                "        if not self.signatures:",
            ),
        ),
    ),
    "A verifier that says yes": (
        ((TRUST, "    if fingerprint not in found:", "    if not found:"),),
        ((SIGNED, "if threshold < 1 or len(signers) < threshold:", "if len(signers) < threshold:"),),
    ),
    "Keys of an attacker under a known name": (
        (
            (SSHSIG, "    if signature.verify_key != verify_key:", "    if not verify_key:"),
            (SSHSIG, "    verify_key.verify_raw(", "    signature.verify_key.verify_raw("),
        ),
        (LISTED, FROM_SIGNATURE, ("keys/trust.py", "set(signers) & set(allowed.keys)", "set(signers)")),
    ),
    "An old roster put back": (
        ((TRUST, "    if newest.version < trusted.roster.version:", "    if not newest.version:"),),
    ),
    "Two rosters of one version": (
        ((TRUST, "    if digest != record.digest:", "    if not digest:"),),
        ((TRUST, "    check_extends(trusted.roster, newer.roster)\n", ""),),
        (
            (
                "keys/roster/extends.py",
                "    if old.value != new.value or old.since != new.since or not _may_end(old, new, version):",
                "    if old.since != new.since:",
            ),
        ),
    ),
    "A roster jumps ahead": (
        ((TRUST, "    _check_threshold(signers, trusted.roster)\n", ""),),
        (
            (
                TRUST,
                "    _check_threshold(signers, trusted.roster)\n    _check_threshold(signers, newer.roster)",
                "    pass",
            ),
            (
                TRUST,
                "frozenset(verify_signed(one.signed, NAMESPACE, listed, 1))",
                "frozenset(signature.verify_key for signature in one.signed.parsed)",
            ),
        ),
    ),
    "An office is kept on an old roster": (((TRUST, "    if at >= roster.expires:", "    if not at:"),),),
    "A note backdated with a key that has ended": (
        ((TRUST, "    if arrived - ended > LATE:", "    if not arrived:"),),
        ((TRUST, "    if any(entry.compromised is not None for entry in entries):", "    if not entries:"),),
    ),
    "A note under a key that was compromised": (
        ((TRUST, "    if len(distinct - compromised) < allowed.threshold:", "    if not distinct:"),),
    ),
    "A note that names a roster version": (
        (
            (
                "keys/roster/model.py",
                "(self.until is None or version < self.until)\n\n    def title",
                "self.until is None or True\n\n    def title",
            ),
        ),
        (
            (
                TRUST,
                "keys=office.signing_keys(version),",
                "keys=tuple(parse_signing(e.value) for e in office.signing_entries),",
            ),
        ),
    ),
    "A dispatch of another realm": (
        ((TRUST, "    if realm != roster.realm:", "    if not realm:"),),
        ((TRUST, "    if newest.realm != trusted.roster.realm:", "    if not newest.realm:"),),
    ),
    "A key that was given up comes back": (
        (("keys/card.py", "if in_force and not in_force & signers:", "if not named:"),),
        (
            ("keys/roster/edit.py", "    if ended & {*card.signing, *card.sealing}:", "    if not card:"),
            ("keys/roster/rules.py", "if len(set(signing)) != len(signing):", "if not signing:"),
            ("keys/roster/rules.py", "if len(set(sealing)) != len(sealing):", "if not signing:"),
        ),
    ),
    "Somebody else's key claimed": (
        (("keys/card.py", "if not set(card.signing_keys()) <= set(signers):", "if not signers:"),),
    ),
    "A title or handle that misleads": (
        (
            (
                TEXT,
                "            if _is_forbidden(character) or character in _BIDI:",
                "            if not character:",
            ),
        ),
    ),
    "A dispatch replayed": (((REGISTER, "            if known is not None:\n", "            if False:\n"),),),
    "Dispatches reordered": (
        ((INBOX, "for _, path, named in sorted(ours):", "for _, path, named in ours:"),),
    ),
    "A dispatch withheld": (
        (PROOF,),
        ((INBOX, "            after=None if is_here else after,\n", ""),),
    ),
    "Two dispatches under one number": (
        ((REGISTER, "                if known.id != verified.id:", "                if not known.id:"),),
    ),
    "A second dispatch under the number of one": (
        (
            (
                INBOX,
                "            if parse_envelope(file).signed_note.id != verified.id:",
                "            if not file:",
            ),
        ),
    ),
    "Dates that go backwards": (
        ((CONTINUITY, "before is not None and note.date < before.note.date:", "before and not note.date:"),),
        ((CONTINUITY, "after is not None and after.note.date < note.date:", "after and not note.date:"),),
    ),
    "A register rewritten": (
        ((CONTINUITY, "    if tree is not None and tree.root != head.root:", "    if not head.root:"),),
        ((CONTINUITY, "        if tree.root != note.register.root:", "        if not tree.root:"),),
    ),
    "A thief's note with a number far ahead": (
        (
            (
                INBOX,
                "            if other is None or not self._is_compromised(other):",
                "            if text:",
            ),
        ),
        (
            (
                INBOX,
                "        if other is None or not self._is_compromised(other):\n                return text",
                "        if not text:\n                return text",
            ),
        ),
    ),
    "Line ends or tabs that vanish": (
        (
            (
                TERMINAL,
                '        " " if character in _PARTING else character',
                '        "" if character in _PARTING else character',
            ),
        ),
        (("dispatch/render/html.py", 'part if part in "\\n\\t" else clean(part)', "clean(part)"),),
    ),
    "A line of blanks": (
        ((TERMINAL, '    line = line.rstrip(" ")\n', ""),),
        (("dispatch/checks/values.py", " if len(faults) < _GUESSES else []", ""),),
    ),
    "Forged files that stay in memory": (
        (
            (
                INBOX,
                "        if self.error is not None:\n            # its frames",
                "        if self.missing:\n            # its frames",
            ),
        ),
    ),
    "Large files that wait": (
        (
            (
                "dispatch/store/database.py",
                '    "0003-files-after-what-is-said-of-them.sql",\n',
                "",
            ),
        ),
    ),
    "Very much evidence": (((WAITING, " and same < MAX_TWINS", ""),),),
    "A text and a note that agree": (
        (
            ("dispatch/checks/published.py", "    check_said(message, note)\n", ""),
            ("dispatch/checks/published.py", "    copies_of(message, note, roster)\n", ""),
        ),
        (("dispatch/checks/published.py", "    check_right(message, note, roster)\n", ""),),
    ),
    "A report of an event in 1970": (
        (("dispatch/render/due.py", 'f"{due:%Y-%m-%dT%H:%M:%SZ}" if due', "format_date(due) if due"),),
    ),
    "A time zone that means something else": (
        (
            (
                "dispatch/formats/periods.py",
                'frozenset({"localtime", "posixrules", "posix", "right"})',
                "frozenset()",
            ),
        ),
    ),
    "Whoever calls the program": (
        (
            (
                MAIN,
                "        stream or os.fdopen(os.open(os.devnull, os.O_RDWR), mode)",
                "        stream or open(os.devnull, mode).close()",
            ),
        ),
        (("dispatch/cli/issue.py", "is issued all the same;", "is"),),
    ),
    "A signed list of a register with a hole": (
        (("dispatch/formats/statement.py", "!= list(range(1, len(listed) + 1)):", "== []:"),),
    ),
    "The secrets for an auditor, readable": ((("dispatch/cli/publish.py", ", mode=0o600", ""),),),
    "A register that forgets": (
        ((CONTINUITY, "    return after is None or after < earlier or", "    return after is not None and"),),
        ((CONTINUITY, "(head.volume, head.size) < (earlier.volume, earlier.ordinal)", "False"),),
    ),
    "A clock that once ran ahead": (
        ((COMMON, "    if issued.note.date - office.now > CLOCK_TOLERANCE:", "    if not issued:"),),
    ),
    "A clock beyond": (((COMMON, "    if moment.year > LAST_YEAR:", "    if not moment:"),),),
    "A forgery that keeps the true copy out": (
        (
            (
                INBOX,
                "        except UnknownVersionError as error:",
                "        except (DispatchError, KeysError) as error:",
            ),
        ),
        ((INBOX, "                self._register.waiting.drop(waiting.digest)", "                pass"),),
    ),
    "A note dated in the future": (
        ((INBOX, "    if date - now > CLOCK_TOLERANCE:", "    if not date:"),),
        ((TRUST, "    if date >= record.expires:", "    if not date:"),),
    ),
    "A branch issues a circular": (
        ((ENVELOPE, "if right is not None and right not in", "if right is not None and not"),),
        ((ENVELOPE, ".rights(note.roster.version):", ".rights(roster.version):"),),
    ),
    "Look-alike handles": (
        (
            (
                TEXT,
                'HANDLE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")',
                'HANDLE = re.compile(r"\\w[\\w-]{0,62}")',
            ),
        ),
    ),
    "Control characters and bidirectional": (
        (
            (
                TEXT,
                "            if _is_forbidden(character) or character in _BIDI:",
                "            if not character:",
            ),
        ),
        ((TEXT, "    found = _FORBIDDEN_IN_BLOCK.search(text)\n", "    found = None\n"),),
    ),
    "Our own words spoofed": (
        ((TERMINAL, 'f"{_INDENT}{part}".rstrip()', "part"),),
        ((TERMINAL, "wrapped(clean(value), width - _LABEL_WIDTH)", "value.splitlines()"),),
        ((TERMINAL, "    line = indent + line[size:]", "    line = line[size:]"),),
        ((COMMON, "return fold(text, width()) if stream.isatty() else text", "return text"),),
    ),
    "Escape sequences and bidirectional": (
        (
            (
                TERMINAL,
                " or unicodedata.category(character) not in _STEERING\n    )\n\n\ndef clean_block",
                " or True\n    )\n\n\ndef clean_block",
            ),
        ),
        ((TERMINAL, "Text(clean(cell))", "Text(cell)"),),
        (
            (
                COMMON,
                'escape_json(json.dumps(value, ensure_ascii=False, indent=2)) + "\\n"',
                'json.dumps(value, ensure_ascii=False, indent=2) + "\\n"',
            ),
        ),
        ((COMMON, "escape_json(json.dumps(", "clean_block(json.dumps("),),
        (
            (
                "dispatch/cli/receive.py",
                "escape_json(opened.line.decode()).encode() if is_shown else opened.line",
                "opened.line",
            ),
        ),
        ((TERMINAL, '    if text.isascii() and "\\x7f" not in text:\n', "    if text:\n"),),
        (
            (
                MAIN,
                'show_problem(" ".join(error.format_message().split()))',
                "click.echo(error.format_message(), err=True)",
            ),
        ),
    ),
    "An attachment's name that is a path": ((("dispatch/formats/grammar.py", ' or "/" in name or', " or"),),),
    "An attachment overwrites a file": (
        (
            (
                ATTACHMENT,
                "            move_new(temporary, directory / candidate)",
                "            temporary.replace(directory / candidate)",
            ),
        ),
        (
            (FILES, "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK", "os.O_RDONLY | os.O_NONBLOCK"),
            (FILES, "                move_new(temporary, path)", "                temporary.replace(path)"),
        ),
    ),
    "Attachments whose names differ": (
        ((ATTACHMENT, "        with suppress(FileExistsError):", "        with suppress():"),),
    ),
    "A link or a hidden file in a folder": (
        (
            (FOLDERS, "if entry.is_symlink():", "if entry is None:"),
            (FOLDERS, "entry.is_file(follow_symlinks=False)", "entry.is_file()"),
        ),
    ),
    "The size of a text": (
        (PADDING,),
        (
            (
                "dispatch/formats/plaintext.py",
                'padding="0" * (padded_size(bare) - bare)',
                'padding="" * bare',
            ),
        ),
    ),
    "Padding or secrets that carry": (
        (PADDING,),
        (
            (
                ENVELOPE,
                "if encode_base64(sha256(secrets_line).digest()) != message.secrets:",
                "if not secrets_line:",
            ),
        ),
    ),
    "A pipe in the post": (
        ((FOLDERS, "and entry.is_file(follow_symlinks=False)", "and entry.name"),),
        ((FILES, "    if not stat.S_ISREG(os.fstat(descriptor).st_mode):", "    if descriptor < 0:"),),
    ),
    "The disk filled with files": (
        (
            (
                WAITING,
                'ORDER BY seq DESC LIMIT ?)",\n                (MAX_UNVERIFIED,)',
                'ORDER BY seq DESC LIMIT ?)",\n                (MAX_UNVERIFIED * 1000,)',
            ),
        ),
    ),
    "An older roster, or one of a root given up": (
        (
            (
                "dispatch/cli/verify.py",
                "return trust_update(load_trusted(home), chain)",
                "return trust_pinned(chain, chain[-1].roster.root_fingerprint(chain[-1].roster.version))",
            ),
        ),
    ),
    "A file name that is no text": (
        (
            (
                INBOX,
                'os.fsencode(path.absolute()).decode("utf-8", "backslashreplace")',
                "str(path.absolute())",
            ),
        ),
    ),
    "A flood that leaves no room": (((WAITING, " and not is_evidence", ""),),),
    "A dispatch delayed until": (
        ((INBOX, "Path(waiting.name), waiting.first_seen)", "Path(waiting.name), self._now)"),),
    ),
    "A thief of a key": (
        (
            (
                "dispatch/audit/verdicts.py",
                "        _refuse_compromised(verifier.roster, signed_note.note.number.handle, keys)\n",
                "",
            ),
        ),
    ),
    "Somebody alters the roster's pending": (
        (
            (
                KEEPER,
                "            if draft.root != self.trusted.roster.root:",
                "            if not draft.root:",
            ),
        ),
        ((KEEPER, "    return tuple(lines)", "    return ()"),),
    ),
    "A roster signed with a clock": (
        (
            (
                KEEPER,
                "            date = max(self._now, self.trusted.roster.date)",
                "            date = self._now",
            ),
        ),
    ),
    "A refused `init`": (
        (("dispatch/realm/setup.py", "    parse_handle(handle)\n    check_line(title)\n", ""),),
        (
            (
                "dispatch/realm/setup.py",
                "if passphrase is not None and not is_sealed(path):",
                "if not passphrase and path is None:",
            ),
        ),
    ),
    "Others who can write to the post": (
        (
            (
                FILES,
                "os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=inside)",
                "os.open(workshop / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)",
            ),
        ),
    ),
    "A pipe, a link or another file": (
        (
            (
                FILES,
                "    except OSError as error:\n        raise _another(path) from error\n    with open",
                "    except OSError:\n        return False\n    with open",
            ),
        ),
        ((FILES, "    raise _another(path)\n\n\ndef _another", "    return False\n\n\ndef _another"),),
    ),
    "A key file that others can read": (
        ((KEYFILE, "if stat.S_IMODE(status.st_mode) & 0o077:", "if not status:"),),
    ),
    "A key file that asks for all": (
        (("keys/age/scrypt.py", "decode_decimal(stanza.args[1], MAX_WORK_FACTOR)", "len(stanza.args[1])"),),
    ),
    "A small file that takes": (
        (
            (
                "keys/roster/rules.py",
                "    if len(roster.versions) != roster.version - 1 or any(",
                "    if len([*range(min(roster.version, 10**8))]) and any(",
            ),
        ),
    ),
    "A file without an end": (
        ((COMMON, "_MAX_INPUT = 64 * 1024 * 1024", "_MAX_INPUT = 512 * 1024 * 1024"),),
    ),
    "Secrets in what an object shows": (
        ((KEYFILE, 'return f"<SecretKeys: ', 'return f"<SecretKeys: {encode_secret_keys(self)!r} '),),
        (("keys/signing.py", 'return f"<SigningKey {self.type} ', 'return f"<SigningKey {self.seed!r} '),),
        (
            (
                "keys/age/recipients.py",
                'raise KeyFormatError(f"the key is {error}")',
                'raise KeyFormatError(f"{text} is {error}")',
            ),
        ),
    ),
    "Plaintext or keys left on the disk": (
        (
            (
                "dispatch/office/outbox.py",
                "        return line, line + secrets_line\n",
                '        (self._home / "text").write_bytes(line)\n        return line, line + secrets_line\n',
            ),
        ),
    ),
    "What others of the machine can read": (
        ((DATABASE, "        path.touch(mode=0o600)\n", "        path.touch(mode=0o666)\n"),),
        ((KEEPER, "overwrite=True, mode=0o600)", "overwrite=True)"),),
    ),
    "Keys, passphrases or text in arguments": (
        (
            (
                KEYFILE,
                "    try:\n        import resource\n    except",
                "    return\n    try:\n        import resource\n    except",
            ),
        ),
        (
            (
                MAIN,
                "    except (Exception, KeyboardInterrupt) as error:",
                "    except KeyboardInterrupt as error:",
            ),
        ),
        (
            (
                COMMON,
                "    if not passphrase:\n",
                '    os.environ["DISPATCH_SECRET"] = passphrase\n    if not passphrase:\n',
            ),
        ),
    ),
    "An attachment named like a device": (
        ((ATTACHMENT, "    if _DEVICE.match(name):", "    if not name:"),),
    ),
    "A run killed at a bad moment": (
        (
            (
                REGISTER,
                "        return self._entries(\"state IN ('pending', 'signed') ORDER BY seq\")",
                "        return self._entries(\"state IN ('pending') ORDER BY seq\")",
            ),
        ),
        ((DATABASE, '"BEGIN IMMEDIATE"', '"BEGIN"'),),
    ),
    "A second try refused": (
        ((REGISTER, "            if known is not None:\n", "            if False:\n"),),
        (SAME_AGAIN,),
    ),
    "An answer that does not fit": (
        ((INBOX, "            check_fits(opened", "            0 and check_fits(opened"),),
    ),
    "An office cancels or amends another's circular": (
        ((ANSWERS, "        if relation.type not in allowed:", "        if not relation.type:"),),
        (
            (
                ANSWERS,
                "if relation.type in _BINDING and parse_number(relation.number).handle != message.from_:",
                "if not relation.type:",
            ),
        ),
        ((ANSWERS, "    if circular.message.from_ != message.from_:", "    if not message.from_:"),),
    ),
    "A note that says in public another answer": (
        ((ANSWERS, "    if note.answers != answers:", "    if note.answers is None:"),),
    ),
    "A receipt for a dispatch of ours that there is not": (
        (
            (ANSWERS, "            if number.handle == us and (", "            if False and ("),
            (ANSWERS, "    if encode_base64(found.verified.id) != note_id:", "    if not note_id:"),
        ),
    ),
    "A value of a report that a spreadsheet": (
        (("dispatch/render/csv.py", "    if _FORMULA.match(", "    if False and _FORMULA.match("),),
        (("dispatch/render/csv.py", '_INNER_FORMULA.sub(r"\\1\'", text[1:])', "text[1:]"),),
    ),
    "Markup or script in labels": (
        (("dispatch/render/html.py", "        autoescape=True,", "        autoescape=False,"),),
    ),
    "Text in a form's label": (
        (("dispatch/drafts/form.py", 'lines.append(f"# {rest}")', "lines.append(rest)"),),
    ),
    "A circular in a time zone": (((ANSWERS, "        find_zone(message.zone)\n", "        pass\n"),),),
    "A draft with two readings": (
        (("dispatch/drafts/text.py", "(mark := _MARK.search(text, end))", "(mark := None)"),),
    ),
}
