//! Request and response types, error codes and paths of the HTTP interface.
