"""The shapes of the console's requests and answers. Money of the books is whole nano-dollars, named so."""
