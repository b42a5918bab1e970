//! Ids that a step makes: UUIDv7 from the step's time and entropy, so that the same step
//! makes the same ids.

use uuid::Uuid;

use super::Step;

impl Step<'_> {
    pub(super) fn mint(&mut self) -> Uuid {
        self.minted += 1;
        let high = mix(self.now.entropy ^ (u64::from(self.minted) << 32));
        let low = mix(high ^ self.now.entropy.rotate_left(17));
        let ms = u64::try_from(self.now.at.as_millis()).unwrap_or(0);
        let mut random = [0_u8; 10];
        random[..2].copy_from_slice(&high.to_be_bytes()[..2]);
        random[2..].copy_from_slice(&low.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }
}

/// The finaliser of splitmix64: spreads every bit of `x` over the result.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
