variable "sign" {
  type = string
}

resource "terraform_data" "waits" {
  provisioner "local-exec" {
    command = "echo $$ > ${var.sign}.new && mv ${var.sign}.new ${var.sign} && exec sleep 600"
  }
}
