"""Model folders as Hugging Face's transformers writes them, served without code of the user's."""
