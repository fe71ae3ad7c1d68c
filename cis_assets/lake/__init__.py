"""Where tables live: addresses and credentials of stores, and the IO manager that guards every slice."""
