"""How recorded figures are drawn. Needs the extra `report` (matplotlib); nothing that serves imports it."""
