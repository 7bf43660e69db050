"""The page in the browser under /_mock/ui: rendered here, and all through calls of the control plane and the API."""
