//! Who asks: OpenID Connect tokens, keys, actor chains.
