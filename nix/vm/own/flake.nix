# Stands in for the VM's own flake, for a VM that has none.
{
  outputs = _: { };
}
