//! Processes: the shim, its spool, process trees and their end. All code that knows the operating system.
