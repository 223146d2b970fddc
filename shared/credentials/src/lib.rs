//! API keys, passwords, certificate names: where a credential stands in a request, and whether it is good.
