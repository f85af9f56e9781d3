//! The only crate that speaks to Upwork MCP server
