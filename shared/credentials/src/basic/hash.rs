//! The hashes of an htpasswd file: bcrypt and `{SHA}`.

use std::fmt;

use ct_codecs::{Base64, Decoder};
use subtle::{Choice, ConstantTimeEq};

/// bcrypt reads no more of a password.
const MAX_BCRYPT: usize = 72;
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;
const BCRYPT_ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A password as its hash.
pub(super) enum Password {
    Bcrypt { cost: u32, salt: [u8; 16], digest: [u8; 23] },
    Sha1([u8; 20]),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Password {
    /// Reads what follows the colon of an htpasswd line.
    pub(super) fn parse(hash: &str) -> Result<Self, String> {
        if let Some(base64) = hash.strip_prefix("{SHA}") {
            let digest = Base64::decode_to_vec(base64, None).ok().and_then(|bytes| bytes.try_into().ok());
            return digest
                .map(Self::Sha1)
                .ok_or_else(|| "what follows {SHA} is not the base64 of 20 bytes".to_owned());
        }
        let bcrypt = ["$2a$", "$2b$", "$2y$"].into_iter().find_map(|prefix| hash.strip_prefix(prefix));
        let Some(rest) = bcrypt else {
            return Err("expected a bcrypt hash or {SHA}; plain text, $apr1$ and crypt are not read: \
                        make the line with htpasswd -nB name"
                .to_owned());
        };
        let malformed = || "not a whole bcrypt hash; make the line with htpasswd -nB name".to_owned();
        let (cost, rest) = rest.split_once('$').ok_or_else(malformed)?;
        let two_digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost: u32 = cost.parse().ok().filter(|_| two_digits).ok_or_else(malformed)?;
        if !COSTS.contains(&cost) {
            return Err(
                "a bcrypt cost goes from 4 to 14 here, more would stall a worker; htpasswd -nB -C 10 name"
                    .to_owned(),
            );
        }
        let (salt, digest) = rest.split_at_checked(22).ok_or_else(malformed)?;
        let salt = bcrypt_base64(salt).ok_or_else(malformed)?;
        let digest = bcrypt_base64(digest).ok_or_else(malformed)?;
        Ok(Self::Bcrypt { cost, salt, digest })
    }

    const fn rounds(&self) -> u32 {
        match self {
            Self::Bcrypt { cost, .. } => 1_u32.wrapping_shl(*cost),
            Self::Sha1(_) => 0,
        }
    }
}

/// The bcrypt rounds it takes to compare with all of these.
pub(super) fn rounds(passwords: &[Password]) -> u32 {
    passwords.iter().map(Password::rounds).fold(0, u32::saturating_add)
}

/// True when one of these is the password. Costs `total` rounds, whatever there is to compare with.
pub(super) fn verify(passwords: &[Password], presented: &[u8], total: u32) -> bool {
    let sha1 = hmac_sha1_compact::Hash::hash(presented);
    let mut right = Choice::from(0);
    for password in passwords {
        right |= match password {
            Password::Sha1(digest) => digest.ct_eq(&sha1),
            Password::Bcrypt { cost, salt, digest } => {
                // bcrypt would compare the first 72 bytes only.
                let whole = Choice::from(u8::from(presented.len() <= MAX_BCRYPT));
                bcrypt(*cost, *salt, presented).ct_eq(digest) & whole
            }
        };
    }
    // Each set bit of what is missing is the cost of one comparison with nothing; two passwords of cost 14 make bit 15.
    let missing = total.saturating_sub(rounds(passwords));
    for cost in (4..=15).filter(|cost| missing & 1_u32.wrapping_shl(*cost) != 0) {
        bcrypt(cost, [0; 16], presented);
    }
    right.into()
}

/// The password ends with a NUL, unless it fills the 72 bytes.
fn bcrypt(cost: u32, salt: [u8; 16], password: &[u8]) -> [u8; 23] {
    let mut key = [0; MAX_BCRYPT];
    let used = password.len().min(MAX_BCRYPT);
    for (to, from) in key.iter_mut().zip(password) {
        *to = *from;
    }
    let key = key.get(..used.saturating_add(1)).unwrap_or(&key);
    #[cfg(test)]
    WORK.with(|work| work.set(work.get().saturating_add(1_u32.wrapping_shl(cost))));
    let [out @ .., _] = std::hint::black_box(bcrypt::bcrypt(cost, salt, key));
    out
}

/// Reads bcrypt's own base64; bits beyond the last byte are ignored, as bcrypt itself does.
fn bcrypt_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.saturating_mul(8).div_ceil(6) {
        return None;
    }
    let mut out = [0; N];
    let mut bytes = out.iter_mut();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for c in text.bytes() {
        let digit = BCRYPT_ALPHABET.iter().position(|known| *known == c)?;
        bits = (bits << 6) | u32::try_from(digit).ok()?;
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            if let Some(byte) = bytes.next() {
                *byte = u8::try_from(bits.wrapping_shr(count) & 0xff).ok()?;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
std::thread_local! {
    /// bcrypt rounds done by this thread.
    pub(super) static WORK: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}
