"""Payments through Stripe: checkouts, the customer portal, signed webhooks, and use that Stripe invoices."""
