//! The names that SDDL has for principals, rights, flags and kinds, by \[MS-DTYP\] 2.5.1.1.

use crate::{AceKind, Sid};

/// Principals of every system: name, authority, numbers.
const WELL_KNOWN: &[(&str, u64, &[u32])] = &[
    ("WD", 1, &[0]),
    ("CO", 3, &[0]),
    ("CG", 3, &[1]),
    ("OW", 3, &[4]),
    ("NU", 5, &[2]),
    ("IU", 5, &[4]),
    ("SU", 5, &[6]),
    ("AN", 5, &[7]),
    ("ED", 5, &[9]),
    ("PS", 5, &[10]),
    ("AU", 5, &[11]),
    ("RC", 5, &[12]),
    ("SY", 5, &[18]),
    ("LS", 5, &[19]),
    ("NS", 5, &[20]),
    ("WR", 5, &[33]),
    ("UD", 5, &[84, 0, 0, 0, 0, 0]),
    ("BA", 5, &[32, 544]),
    ("BU", 5, &[32, 545]),
    ("BG", 5, &[32, 546]),
    ("PU", 5, &[32, 547]),
    ("AO", 5, &[32, 548]),
    ("SO", 5, &[32, 549]),
    ("PO", 5, &[32, 550]),
    ("BO", 5, &[32, 551]),
    ("RE", 5, &[32, 552]),
    ("RU", 5, &[32, 554]),
    ("RD", 5, &[32, 555]),
    ("NO", 5, &[32, 556]),
    ("MU", 5, &[32, 558]),
    ("LU", 5, &[32, 559]),
    ("IS", 5, &[32, 568]),
    ("CY", 5, &[32, 569]),
    ("ER", 5, &[32, 573]),
    ("CD", 5, &[32, 574]),
    ("RA", 5, &[32, 575]),
    ("ES", 5, &[32, 576]),
    ("MS", 5, &[32, 577]),
    ("HA", 5, &[32, 578]),
    ("AA", 5, &[32, 579]),
    ("RM", 5, &[32, 580]),
    ("AC", 15, &[2, 1]),
    ("LW", 16, &[0x1000]),
    ("ME", 16, &[0x2000]),
    ("MP", 16, &[0x2100]),
    ("HI", 16, &[0x3000]),
    ("SI", 16, &[0x4000]),
    ("AS", 18, &[1]),
    ("SS", 18, &[2]),
];

/// Accounts that every domain has: name and number.
const OF_DOMAIN: &[(&str, u32)] = &[
    ("RO", 498),
    ("LA", 500),
    ("LG", 501),
    ("DA", 512),
    ("DU", 513),
    ("DG", 514),
    ("DC", 515),
    ("DD", 516),
    ("CA", 517),
    ("SA", 518),
    ("EA", 519),
    ("PA", 520),
    ("CN", 522),
    ("AP", 525),
    ("KA", 526),
    ("EK", 527),
    ("RS", 553),
];

/// Single rights, in the order in which they are written.
pub(super) const RIGHTS: &[(&str, u32)] = &[
    ("CC", 0x0000_0001),
    ("DC", 0x0000_0002),
    ("LC", 0x0000_0004),
    ("SW", 0x0000_0008),
    ("RP", 0x0000_0010),
    ("WP", 0x0000_0020),
    ("DT", 0x0000_0040),
    ("LO", 0x0000_0080),
    ("CR", 0x0000_0100),
    ("SD", 0x0001_0000),
    ("RC", 0x0002_0000),
    ("WD", 0x0004_0000),
    ("WO", 0x0008_0000),
    ("GA", 0x1000_0000),
    ("GX", 0x2000_0000),
    ("GW", 0x4000_0000),
    ("GR", 0x8000_0000),
];

/// Rights to files and to keys as a whole: only those to files are written.
pub(super) const FILE_RIGHTS: &[(&str, u32)] =
    &[("FA", 0x001F_01FF), ("FR", 0x0012_0089), ("FW", 0x0012_0116), ("FX", 0x0012_00A0)];
pub(super) const KEY_RIGHTS: &[(&str, u32)] =
    &[("KA", 0x000F_003F), ("KR", 0x0002_0019), ("KW", 0x0002_0006), ("KX", 0x0002_0019)];

/// The policies of a label: no write up, no read up, no execute up.
pub(super) const LABEL_RIGHTS: &[(&str, u32)] = &[("NW", 1), ("NR", 2), ("NX", 4)];

/// How an entry is inherited.
pub(super) const FLAGS: &[(&str, u32)] =
    &[("OI", 0x01), ("CI", 0x02), ("NP", 0x04), ("IO", 0x08), ("ID", 0x10), ("CR", 0x20), ("SA", 0x40), ("FA", 0x80)];

/// The kinds of entries.
const KINDS: &[(&str, AceKind)] = &[
    ("A", AceKind::Allow),
    ("D", AceKind::Deny),
    ("AU", AceKind::Audit),
    ("OA", AceKind::AllowObject),
    ("OD", AceKind::DenyObject),
    ("XA", AceKind::AllowCallback),
    ("XD", AceKind::DenyCallback),
    ("ZA", AceKind::AllowCallbackObject),
    ("ML", AceKind::Label),
    ("SP", AceKind::ScopedPolicy),
];

/// The principal of this name; names that are relative to a domain need one.
pub(super) fn principal(name: &str, domain: Option<Sid>) -> Option<Sid> {
    if let Some((_, authority, parts)) = WELL_KNOWN.iter().find(|known| known.0 == name) {
        return Sid::new(*authority, parts);
    }
    domain?.child(OF_DOMAIN.iter().find(|known| known.0 == name)?.1)
}

/// Whether a name stands for an account of a domain.
pub(super) fn is_of_domain(name: &str) -> bool {
    OF_DOMAIN.iter().any(|known| known.0 == name)
}

/// The name of a principal of every system.
pub(super) fn of_principal(sid: Sid) -> Option<&'static str> {
    let is = |known: &&(&str, u64, &[u32])| (known.1, known.2) == (sid.authority(), sid.parts());
    Some(WELL_KNOWN.iter().find(is)?.0)
}

/// The kind of this name.
pub(super) fn kind(name: &str) -> Option<AceKind> {
    Some(KINDS.iter().find(|known| known.0 == name)?.1)
}

/// The name of a kind.
pub(super) fn of_kind(kind: AceKind) -> Option<&'static str> {
    Some(KINDS.iter().find(|known| known.1 == kind)?.0)
}

/// The bits that a run of two-letter names stands for.
pub(super) fn bits(text: &str, tables: &[&[(&str, u32)]]) -> Option<u32> {
    let mut bits = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_at_checked(2)?;
        bits |= tables.iter().copied().flatten().find(|known| known.0 == name)?.1;
        rest = after;
    }
    Some(bits)
}

/// The run of names for `bits`; `None` if some bit has none.
pub(super) fn of_bits(bits: u32, table: &[(&str, u32)]) -> Option<String> {
    let known = table.iter().fold(0, |all, (_, bit)| all | bit);
    let names = table.iter().filter(|(_, bit)| bits & bit != 0).map(|known| known.0);
    (bits & !known == 0).then(|| names.collect())
}
