"""Facts leave the house here: shaped as the document's webhooks, signed, sent, retried and remembered."""
