//! Lies that a test makes the program tell, to see that its judge finds them. Only with the feature `failpoints`, which
//! no release build has.

/// Whether `APPLYD_FAULT` names this one.
#[cfg(feature = "failpoints")]
#[must_use]
pub fn is_told(name: &str) -> bool {
    std::env::var("APPLYD_FAULT").is_ok_and(|told| told == name)
}

/// Never, in every build that users get.
#[cfg(not(feature = "failpoints"))]
#[must_use]
pub fn is_told(_name: &str) -> bool {
    false
}
