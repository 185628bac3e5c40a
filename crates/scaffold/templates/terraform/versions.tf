terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

# Where the AWS API is, is the environment's to say: with AWS_ENDPOINT_URL it is a local cloud, without it AWS.
provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Service = var.name
    }
  }
}
