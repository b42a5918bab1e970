//! Secrets. Randomness comes from the system, 256 bits at a time.

use sha2::{Digest, Sha256};

use super::TokenError;
use crate::hex::hex;

/// A new secret: 64 hex digits.
pub(super) fn secret() -> Result<String, TokenError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| TokenError::Random(error.to_string()))?;
    Ok(hex(&bytes))
}

/// Hash under which a secret is kept. Secrets have 256 random bits, so a plain hash is enough.
pub(super) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// A secret that follows from another: the same for the same words, of no use to find the other.
pub(super) fn derived(secret: &str, words: &[&str]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"tenure token\0");
    for word in std::iter::once(&secret).chain(words) {
        hasher.update(word.as_bytes());
        hasher.update([0]);
    }
    hex(&hasher.finalize())
}
