"""The admin API, `/admin/v1`: what an organisation has set up, and what it does to its users by hand."""
