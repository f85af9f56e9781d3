//! A stand-in of the Upwork MCP server with its own durable memory
