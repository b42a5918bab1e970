//! The pure session machine: an input and a state in, effects out. No I/O, no clock, no runtime.
