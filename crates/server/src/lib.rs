//! The HTTP API and the workers of applyd
