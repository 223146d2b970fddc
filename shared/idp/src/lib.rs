//! What is asked of identity providers outside requests: key sets, discovery, introspection.
