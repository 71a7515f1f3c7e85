//! Hashes of passwords: argon2id in the notation of PHC.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

/// The longest password, in bytes.
pub const MAX_PASSWORD: usize = 1024;

/// The hash of a password, with a random salt; `None` if the password is empty, too long or has a
/// NUL, or the system has no randomness.
pub fn hash_password(password: &str) -> Option<String> {
    if !is_password(password) {
        return None;
    }
    Some(Argon2::default().hash_password(password.as_bytes()).ok()?.to_string())
}

/// Whether it is the hash of this password.
pub(super) fn verify(hash: &str, password: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    is_password(password) && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Whether it is a hash of this kind.
pub(super) fn is_hash(hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| hash.algorithm == argon2::ARGON2ID_IDENT && hash.hash.is_some())
}

fn is_password(password: &str) -> bool {
    (1..=MAX_PASSWORD).contains(&password.len()) && !password.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_one_password() {
        let hash = hash_password("Straße 1").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_hash(&hash) && verify(&hash, "Straße 1") && !verify(&hash, "Straße 2"));
        assert_ne!(hash_password("Straße 1").unwrap(), hash, "the salt is random");
        for password in ["", "a\0b", &"x".repeat(MAX_PASSWORD + 1)] {
            assert_eq!(hash_password(password), None);
            assert!(!verify(&hash, password));
        }
        for text in
            ["", "secret", "$argon2id$v=19$m=19456,t=2,p=1$", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"]
        {
            assert!(!is_hash(text) && !verify(text, "secret"), "{text}");
        }
    }
}
