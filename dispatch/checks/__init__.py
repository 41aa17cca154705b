"""The checks on what comes in, as FORMAT.md numbers them in section 14. Pure: verified objects or errors.

    step                                      function
    1   caps and grammar                      formats.envelope.parse_envelope, parse_signed_note
    2   roster, date, issuer                  verifier.Verifier.verify_note, with keys.trust.judge_note
    3   signatures                            verifier.Verifier.verify_note, with keys.signed.verify_signed
        which count, and evidence           soundness.check_stands, with keys.soundness
    4   index, Merkle proof, addressee        verifier.verify_copy
    5   digest of the body                    verifier.verify_copy
    6   the copy is for us                    opening.open_envelope
    7   the body decrypts                     opening.open_envelope, with keys.age.decrypt
    8   digests and grammar of two lines      opening.open_envelope, with formats.message and plaintext
    9   message and note agree                opening.check_said, opening.copies_of
    10  the issuer's right                    opening.check_right
    11  the rules of each kind, section 16    answers.check_fits, with values.check_values
    12  what is registered of the issuer      continuity.contradictions, continuity.passes_over
        whether it comes at a good time       continuity.check_timely

Steps 1 to 5 need no secret key and make a `VerifiedEnvelope`. Only that can be opened: steps 6 to 10 make an
`OpenedMessage` of it. The rest of step 12, numbers that come twice, is done by `store.register`, which knows
what is registered.

`addressees` expands groups, for several steps. `published` checks a message that was disclosed without its
envelope, by steps 9 and 10.
"""
