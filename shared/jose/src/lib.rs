//! Signed tokens and key sets (RFC 7515 to 7519, 8725): strict reading, verification, claims.
