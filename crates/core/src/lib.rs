//! The pure rules of applyd: no I/O, no clock, no async
