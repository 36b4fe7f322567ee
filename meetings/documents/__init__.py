"""Documents of meetings: symbols, six languages, revisions, addenda and corrigenda."""
