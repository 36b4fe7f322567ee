"""The programme of work: agenda, rooms, half-days, slots, published versions."""
