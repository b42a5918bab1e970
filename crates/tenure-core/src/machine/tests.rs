//! Tables and properties of the machine.
