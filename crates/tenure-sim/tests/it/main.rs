//! Whole nodes by seed.

mod seeds;
