"""Endpoints of billing: customers, their cash balances, invoices and what pays them."""

from __future__ import annotations

from stripe import params

from . import cash, customers, invoice_payments, invoices
from .endpoints import CHILD, LIST, RANGE, Endpoint, children, end, getter, lister

CUSTOMER = "address description email metadata name phone preferred_locales expand"
ON_INVOICE = "auto_advance days_until_due description due_date footer metadata expand"
INVOICE = f"""{ON_INVOICE} collection_method currency customer pending_invoice_items_behavior
    payment_settings.payment_method_types
    payment_settings.payment_method_options.customer_balance.funding_type
    payment_settings.payment_method_options.customer_balance.bank_transfer"""

BILLING: tuple[Endpoint, ...] = (
    end(
        "POST",
        "/v1/customers",
        params.CustomerCreateParams,
        lambda tx, _, given: customers.create(tx, given),
        CUSTOMER,
    ),
    end(
        "GET",
        "/v1/customers",
        params.CustomerListParams,
        lister(customers.KIND, "/v1/customers"),
        f"{LIST} {RANGE} email",
    ),
    end(
        "GET",
        "/v1/customers/<object_id>",
        params.CustomerRetrieveParams,
        getter(customers.KIND, "customer"),
        "expand",
    ),
    end("POST", "/v1/customers/<object_id>", params.CustomerUpdateParams, customers.update, CUSTOMER),
    end(
        "GET",
        "/v1/customers/<object_id>/cash_balance",
        params.CustomerCashBalanceRetrieveParams,
        lambda tx, object_id, _: cash.balance_of(tx, tx.load("customer", object_id, "customer")["id"]),
        "expand",
    ),
    end(
        "GET",
        "/v1/customers/<object_id>/cash_balance_transactions",
        params.CustomerCashBalanceTransactionListParams,
        children("customer", cash.KIND, "/v1/customers/{id}/cash_balance_transactions"),
        LIST,
    ),
    end(
        "GET",
        "/v1/customers/<object_id>/cash_balance_transactions/<child_id>",
        params.CustomerCashBalanceTransactionRetrieveParams,
        lambda tx, object_id, given: cash.retrieve_transaction(tx, object_id, given[CHILD]),
        "expand",
    ),
    end(
        "POST",
        "/v1/customers/<object_id>/funding_instructions",
        params.CustomerFundingInstructionsCreateParams,
        cash.funding_instructions,
        "bank_transfer currency funding_type expand",
    ),
    end(
        "POST",
        "/v1/test_helpers/customers/<object_id>/fund_cash_balance",
        params.test_helpers.CustomerFundCashBalanceParams,
        cash.fund,
        "amount currency reference expand",
    ),
    end(
        "POST",
        "/v1/invoices",
        params.InvoiceCreateParams,
        lambda tx, _, given: invoices.create(tx, given),
        INVOICE,
    ),
    end(
        "GET",
        "/v1/invoices",
        params.InvoiceListParams,
        lister(invoices.KIND, "/v1/invoices"),
        f"{LIST} {RANGE} due_date customer status collection_method",
    ),
    end(
        "GET",
        "/v1/invoices/<object_id>",
        params.InvoiceRetrieveParams,
        getter(invoices.KIND, "invoice"),
        "expand",
    ),
    end("POST", "/v1/invoices/<object_id>", params.InvoiceUpdateParams, invoices.update, ON_INVOICE),
    end(
        "GET",
        "/v1/invoices/<object_id>/lines",
        params.InvoiceLineItemListParams,
        children("invoice", "line_item", "/v1/invoices/{id}/lines"),
        LIST,
    ),
    end(
        "POST",
        "/v1/invoices/<object_id>/finalize",
        params.InvoiceFinalizeInvoiceParams,
        invoices.finalize,
        "auto_advance expand",
    ),
    end(
        "POST",
        "/v1/invoices/<object_id>/send",
        params.InvoiceSendInvoiceParams,
        lambda tx, object_id, _: invoices.send(tx, object_id),
        "expand",
    ),
    end(
        "POST",
        "/v1/invoices/<object_id>/void",
        params.InvoiceVoidInvoiceParams,
        lambda tx, object_id, _: invoices.void(tx, object_id),
        "expand",
    ),
    end(
        "POST",
        "/v1/invoices/<object_id>/mark_uncollectible",
        params.InvoiceMarkUncollectibleParams,
        lambda tx, object_id, _: invoices.mark_uncollectible(tx, object_id),
        "expand",
    ),
    end(
        "POST",
        "/v1/invoices/<object_id>/pay",
        params.InvoicePayParams,
        invoices.pay,
        "paid_out_of_band payment_method expand",
    ),
    end(
        "POST",
        "/v1/invoiceitems",
        params.InvoiceItemCreateParams,
        lambda tx, _, given: invoices.add_item(tx, given),
        "amount currency customer description invoice metadata expand",
    ),
    end(
        "GET",
        "/v1/invoiceitems",
        params.InvoiceItemListParams,
        lister(invoices.ITEM, "/v1/invoiceitems"),
        f"{LIST} {RANGE} customer invoice pending",
    ),
    end(
        "GET",
        "/v1/invoiceitems/<object_id>",
        params.InvoiceItemRetrieveParams,
        getter(invoices.ITEM, "invoiceitem"),
        "expand",
    ),
    end(
        "GET",
        "/v1/invoice_payments",
        params.InvoicePaymentListParams,
        lister(invoice_payments.KIND, "/v1/invoice_payments"),
        f"{LIST} {RANGE} invoice payment.type payment.payment_intent status",
    ),
    end(
        "GET",
        "/v1/invoice_payments/<object_id>",
        params.InvoicePaymentRetrieveParams,
        getter(invoice_payments.KIND, "invoice_payment"),
        "expand",
    ),
)
