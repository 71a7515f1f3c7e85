#!/usr/bin/python3
"""Answers of Samba, which the tests of this crate compare ours with. Needs python3-samba.

samba_answers.py generate N SEED   writes N random cases of access checks, a JSON object a line
samba_answers.py check             reads cases, writes the rights granted to each: a number, or null
samba_answers.py sddl              reads texts of descriptors, writes for each one {"bytes": HEX,
                                   "text": Samba's own text for these bytes}, or null if it is refused
samba_answers.py ntacl             reads texts of descriptors, writes for each the values of
                                   security.NTACL in versions 1 to 4, in hexadecimal

A case: {"owner": SID, "dacl": null | [[type, flags, mask, SID]...], "sids": [SID...], "want": MASK};
null is a NULL DACL that is present. Left out, because Samba 4.17 differs from [MS-DTYP] or does not
know it: no DACL at all (Samba refuses), a NULL DACL with MAXIMUM_ALLOWED, conditional entries,
ACCESS_SYSTEM_SECURITY, want 0. Generic rights are mapped before Samba sees them: it does not.
"""
import json
import random
import sys
from typing import Any, Iterator

from samba import NTSTATUSError
from samba import security as checks
from samba.dcerpc import security, xattr
from samba.ndr import ndr_pack

Case = dict[str, Any]

DOMAIN = 'S-1-5-21-1-2-3'
OWNER_RIGHTS, CREATOR_OWNER, SELF = 'S-1-3-4', 'S-1-3-0', 'S-1-5-10'
WELL_KNOWN = ['S-1-1-0', 'S-1-5-11', 'S-1-5-18', 'S-1-5-32-544', 'S-1-5-32-545', OWNER_RIGHTS,
              CREATOR_OWNER, 'S-1-5-7', 'S-1-5-2', SELF]
ACCOUNTS = [f'{DOMAIN}-{rid}' for rid in (512, 513, 1101, 1102, 1103)]
READ, WRITE, EXECUTE, ALL = 0x120089, 0x120116, 0x1200A0, 0x1F01FF
GENERIC = ((0x80000000, READ), (0x40000000, WRITE), (0x20000000, EXECUTE), (0x10000000, ALL))
MAXIMUM, READ_CONTROL, WRITE_DAC = 0x02000000, 0x20000, 0x40000
MASKS = (READ, WRITE, EXECUTE, ALL, 1, 2, 0x20, 0x80, READ_CONTROL, WRITE_DAC, 0x80000, 0x100000,
         0x1200A9, 0x1301BF, 0x80000000, 0x10000000, 0x20000000, 0x40000000)
WANTED = (1, 1, 1, READ, EXECUTE, 0x1200A9, ALL, READ_CONTROL, WRITE_DAC, READ_CONTROL | WRITE_DAC,
          2, MAXIMUM, MAXIMUM | 1, 0x80000000, 0x20000000)


def mapped(mask: int) -> int:
    """The rights to files in place of generic ones."""
    for bit, rights in GENERIC:
        if mask & bit:
            mask = (mask & ~bit) | rights
    return mask


def cases(count: int, seed: int) -> Iterator[Case]:
    """Random cases, the same for the same seed."""
    rng = random.Random(seed)

    def mask() -> int:
        if rng.random() < .2:
            return rng.randrange(0x200) | rng.choice((0, READ_CONTROL))
        value = rng.choice(MASKS)
        return value | rng.choice(MASKS) if rng.random() < .4 else value

    holders = [sid for sid in WELL_KNOWN if sid not in (OWNER_RIGHTS, CREATOR_OWNER, SELF)]
    for _ in range(count):
        dacl = [[rng.choice((0, 0, 0, 1, 1)), rng.choice((0, 0, 0, 0x10, 8, 0x0B, 3)), mask(),
                 rng.choice(WELL_KNOWN + ACCOUNTS)]
                for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 8, 12)))]
        groups = rng.sample(holders + ACCOUNTS, rng.randrange(5))
        yield {'owner': rng.choice(WELL_KNOWN[:5] + ACCOUNTS), 'dacl': dacl,
               'sids': list(dict.fromkeys([rng.choice(ACCOUNTS)] + groups)),
               'want': rng.choice(WANTED)}


def descriptor(case: Case) -> Any:
    """The security descriptor of a case."""
    made = security.descriptor()
    made.owner_sid = security.dom_sid(case['owner'])
    made.group_sid = security.dom_sid('S-1-5-32-544')
    made.type |= security.SEC_DESC_DACL_PRESENT
    if case['dacl'] is not None:
        made.dacl = security.acl()
        for kind, flags, mask, sid in case['dacl']:
            ace = security.ace()
            ace.type, ace.flags, ace.access_mask = kind, flags, mapped(mask)
            ace.trustee = security.dom_sid(sid)
            made.dacl_add(ace)
    return made


def check(case: Case) -> int | None:
    """The rights that Samba grants."""
    token = security.token()
    token.sids = [security.dom_sid(sid) for sid in case['sids']]
    token.num_sids = len(case['sids'])
    try:
        granted: int = checks.access_check(descriptor(case), token, mapped(case['want']))
        return granted
    except NTSTATUSError:
        return None


def sddl(text: str) -> dict[str, str] | None:
    """What Samba makes of a text."""
    try:
        made = security.descriptor.from_sddl(text, security.dom_sid(DOMAIN))
    except (TypeError, ValueError):
        return None
    return {'bytes': ndr_pack(made).hex(), 'text': made.as_sddl()}


def ntacl(text: str) -> list[str]:
    """The values of the extended attribute."""
    made = security.descriptor.from_sddl(text, security.dom_sid(DOMAIN))
    values = []
    for version in (1, 2, 3, 4):
        value = xattr.NTACL()
        value.version = version
        if version == 1:
            value.info = made
        else:
            info = getattr(xattr, f'security_descriptor_hash_v{version}')()
            info.sd = made
            info.hash = [7] * (16 if version == 2 else 64)
            if version == 4:
                info.description, info.time = 'posix_acl', 5
            value.info = info
        values.append(ndr_pack(value).hex())
    return values


match sys.argv[1:]:
    case ['generate', number, start]:
        for one in cases(int(number), int(start)):
            print(json.dumps(one))
    case ['check']:
        for line in sys.stdin:
            print(json.dumps(check(json.loads(line))))
    case ['sddl']:
        for line in sys.stdin:
            print(json.dumps(sddl(line.rstrip('\n'))))
    case ['ntacl']:
        for line in sys.stdin:
            print(json.dumps(ntacl(line.rstrip('\n'))))
    case _:
        sys.exit(__doc__)
