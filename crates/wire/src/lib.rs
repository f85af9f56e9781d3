//! What crosses the network between applyd and its callers: serde types and nothing else
