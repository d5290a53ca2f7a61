"""What Klaviyo's error codes mean."""

WORDS = {
    "invalid": "Klaviyo cannot take a value",
    "input": "Klaviyo cannot take a value",
    "parse_error": "Klaviyo cannot read the request",
    "duplicate_profile": "Another profile has this address, phone number or external id",
    "not_found": "Klaviyo has no such profile or list",
    "permission_denied": "The API key lacks a scope",
    "not_authenticated": "The API key is wrong or was deleted",
    "authentication_failed": "The API key is wrong or was deleted",
}
