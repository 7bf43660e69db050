"""The admin API, `/admin/v1`: an organisation's catalog as lists, and commands about its users."""
