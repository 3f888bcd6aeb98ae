"""From a spooled body to a document request: the built-in `input_fn`'s work."""

from __future__ import annotations

from quire.formats.accept import chosen_media_type
from quire.formats.writing import OFFERED_MEDIA_TYPES
from quire.handlers.context import RequestContext
from quire.handlers.json_requests import JsonRequest, base64_chunks, read_json_request
from quire.handlers.s3_documents import S3Location, open_object
from quire.handlers.spooling import SpooledBody
from quire.rendering.sniffing import sniff_media_type
from quire.words.request import DocumentRequest, ReadOptions

JSON = "application/json"


def read_document_request(
    body: SpooledBody, content_type: str | None, context: RequestContext
) -> DocumentRequest:
    """A raw document with its options in the custom attributes, or an application/json request. The
    options of a JSON body stand in place of those in the custom attributes, all or none. Raises
    CallerError, also for an Accept that nobody could meet once the document is read."""
    chosen_media_type(context.accept, OFFERED_MEDIA_TYPES)
    if _essence(content_type) == JSON:
        return _from_json(read_json_request(body.path), context)
    options = ReadOptions.parse_attributes(context.custom_attributes)
    context.with_options(options)
    return _request(body, content_type, options, context)


def _from_json(asked: JsonRequest, context: RequestContext) -> DocumentRequest:
    options = asked.options
    if options is None:
        options = ReadOptions.parse_attributes(context.custom_attributes)
    document = _fetch(asked, context.with_options(options))
    return _request(document, asked.media_type, options, context, asked.password)


def _fetch(asked: JsonRequest, context: RequestContext) -> SpooledBody:
    if asked.base64 is not None:
        return context.spool.write("document", context.while_wanted(base64_chunks(asked.base64)))
    location = S3Location.parse(asked.s3_uri or "", context.settings.s3_prefixes)
    download = open_object(location)
    context.spool.check(download.num_bytes)
    return context.spool.write("document", context.while_wanted(download.chunks))


def _request(
    document: SpooledBody,
    declared: str | None,
    options: ReadOptions,
    context: RequestContext,
    password: str | None = None,
) -> DocumentRequest:
    return DocumentRequest(
        path=document.path,
        media_type=sniff_media_type(document.path, declared),
        num_bytes=document.num_bytes,
        sha256=document.sha256,
        options=options,
        password=password,
        inference_id=context.inference_id,
    )


def _essence(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
