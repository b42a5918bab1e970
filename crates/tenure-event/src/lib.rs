//! Ids, the event envelope and every event kind: the contract that is stored and sent.
