"""What a text is worth and what people say of it. Knows texts, numbers and pages; has never heard of a record."""
