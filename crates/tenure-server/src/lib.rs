//! Session owners, registry, recovery, HTTP, server-sent events and authentication.
